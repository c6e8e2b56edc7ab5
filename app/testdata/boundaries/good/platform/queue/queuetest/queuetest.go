package queuetest

import _ "risingstars/platform/database/databasetest"
