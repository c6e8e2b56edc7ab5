package asynqueue

import _ "github.com/hibiken/asynq"
