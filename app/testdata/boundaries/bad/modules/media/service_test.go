package media_test

import _ "risingstars/modules/voting"
