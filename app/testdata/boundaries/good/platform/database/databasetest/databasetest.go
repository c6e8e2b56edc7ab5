package databasetest

import _ "risingstars/platform/database"
