package config

import _ "risingstars/platform/fault"
