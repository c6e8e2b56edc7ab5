package web

import (
	_ "github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/caddyserver/certmagic"
	_ "github.com/hibiken/asynq"
	_ "github.com/spf13/cobra"
	_ "go.opentelemetry.io/otel/trace"

	_ "risingstars/config"
	_ "risingstars/modules/media"
)
