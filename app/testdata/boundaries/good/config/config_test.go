package config_test

import _ "risingstars/config"
