package fault

// Faults returns the faults that this package declares, for the catalogue of errors.
func Faults() []*Error { return []*Error{ErrInternal, ErrUnavailable, ErrInvalid} }

// kinds has the name of each kind, and what a program that meets it does.
var kinds = map[Kind]struct {
	name   string
	advice Text
}{
	Internal: {"internal", Text{
		ES: "Es un fallo del servicio. Repite la petición más tarde; si vuelve a fallar, escríbenos con su request_id.",
		EN: "The service failed. Repeat the request later; if it fails again, write to us with its request_id.",
	}},
	Conflict: {"conflict", Text{
		ES: "Una regla o el estado actual lo impide. No repitas la petición sin cambiar lo que indica el texto.",
		EN: "A rule or the present state forbids it. Before you repeat the request, change what the text names.",
	}},
	Concurrent: {"concurrent", Text{
		ES: "Otra petición está haciendo lo mismo. Repítela después de los segundos de Retry-After.",
		EN: "Another request is doing the same. Repeat it after the seconds in Retry-After.",
	}},
	Malformed: {"malformed", Text{
		ES: "La petición no se puede leer. Corrige tu programa; repetirla sin cambios no sirve.",
		EN: "The request cannot be read. Correct your program; repeating it unchanged does not help.",
	}},
	Invalid: {"invalid", Text{
		ES: "Muestra a la persona los campos de errors y envía la petición corregida.",
		EN: "Show the person the fields in errors, and send the corrected request.",
	}},
	Unauthenticated: {"unauthenticated", Text{
		ES: "Pide a la persona que inicie sesión y repite la petición con el nuevo token.",
		EN: "Have the person sign in, and repeat the request with the new token.",
	}},
	Forbidden: {"forbidden", Text{
		ES: "Quien pide no tiene permiso, o su enlace ya no vale. Pide otro enlace, o usa la cuenta dueña.",
		EN: "The caller may not do this, or the link is no longer good. Get another link, or sign in as the owner.",
	}},
	NotFound: {"not found", Text{
		ES: "No existe, o ya no. Revisa la dirección y quita el elemento de tus listas.",
		EN: "It does not exist, or no longer. Check the address, and remove the thing from your lists.",
	}},
	Gone: {"gone", Text{
		ES: "Ya no se muestra. Quita el elemento de tus listas; puede volver más adelante.",
		EN: "It is no longer shown. Remove the thing from your lists; it may come back later.",
	}},
	Stale: {"stale", Text{
		ES: "Otra persona lo cambió antes. Pide el estado actual, muéstralo y deja que la persona decida de nuevo.",
		EN: "Somebody else has changed it before. Get the present state, show it, and let the person decide again.",
	}},
	TooLarge: {"too large", Text{
		ES: "Envía menos bytes; repetir la petición sin cambios no sirve.",
		EN: "Send fewer bytes; repeating the request unchanged does not help.",
	}},
	UnsupportedMedia: {"unsupported media", Text{
		ES: "Envía uno de los tipos de contenido que el documento de la API nombra para esta operación.",
		EN: "Send one of the content types that the API's document names for this operation.",
	}},
	TooManyRequests: {"too many requests", Text{
		ES: "Espera los segundos de Retry-After antes de repetir la petición.",
		EN: "Wait for the seconds in Retry-After before you repeat the request.",
	}},
	Unavailable: {"unavailable", Text{
		ES: "El servicio se recuperará. Repite la petición después de Retry-After, o de unos segundos, cada vez más.",
		EN: "The service will recover. Repeat the request after Retry-After, or after some seconds, ever more of them.",
	}},
	Full: {"full", Text{
		ES: "No hay espacio para guardar. Repite la petición después de los segundos de Retry-After.",
		EN: "There is no space left to store. Repeat the request after the seconds in Retry-After.",
	}},
}

// String returns the kind's name in English.
func (k Kind) String() string { return kinds[k].name }

// Advice says what a program does about faults of this kind.
func (k Kind) Advice() Text { return kinds[k].advice }
