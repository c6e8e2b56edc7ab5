package media

import _ "html/template"
