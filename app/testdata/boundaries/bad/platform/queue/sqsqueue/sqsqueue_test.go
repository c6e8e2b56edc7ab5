package sqsqueue_test

import _ "gorm.io/driver/postgres"
