package web

import (
	_ "github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/hibiken/asynq"
	_ "github.com/spf13/cobra"

	_ "risingstars/config"
	_ "risingstars/modules/media"
)
