package tools

import _ "risingstars/config"
