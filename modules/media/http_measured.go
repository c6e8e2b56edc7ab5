package media

import (
	"time"

	"github.com/labstack/echo/v4"
)

// measured counts the uploads of one way by how they end.
func (a api) measured(way string, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		a.metrics.upload(c.Request().Context(), way, began, err)
		return err
	}
}
