package fault

import _ "risingstars/platform/database/databasetest"

var errTaken = New(Conflict, "taken", "Ocupado.", "Taken.")
