package fault

import _ "risingstars/platform/database/databasetest"
