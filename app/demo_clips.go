package app

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// performance is a clip of the demonstration: a melody that ffmpeg's own sources play, and a picture that they draw.
type performance struct {
	first, last, city, country string
	title, text                string
	melody                     string // steps of a scale, each a beat; a dot is a rest
	root                       float64
	beats                      float64 // per second
	timbre                     string  // of a tone of the frequency F at the time t
	picture                    string  // a filter graph from [a], the sound, or from nothing, to [v]
}

// seconds of each clip: enough to be seen, and quick to process.
const performanceSeconds = 6

// performances differ from each other to the eye and to the ear. What has no edges is drawn small and scaled up, which
// is many times quicker. All have as many frames per second as the bumpers that are rendered before anybody uploads.
func performances() []performance {
	const (
		plucked = "sin(2*PI*F*t)*exp(-4*mod(t*B,1)/B)"
		organ   = "(sin(2*PI*F*t)+sin(4*PI*F*t)/2+sin(6*PI*F*t)/3)/2"
		flute   = "sin(2*PI*F*t+0.4*sin(2*PI*5*t))*min(1,6*mod(t*B,1))"
		bell    = "sin(2*PI*F*t+3*exp(-3*mod(t*B,1)/B)*sin(2*PI*F*3.5*t))*exp(-2*mod(t*B,1)/B)"
		reed    = "(mod(F*t,1)*2-1)*0.4*exp(-mod(t*B,1)/B)"
	)
	// lit lays what the sound draws over a ground of two colours.
	lit := func(ground, filter string) string {
		return "gradients=s=160x90:r=30:d=10:n=2:speed=0.01:" + ground + ",scale=640:360,format=gbrp[g];" +
			"[a]" + filter + ",format=gbrp[w];[g][w]blend=all_mode=screen:shortest=1,format=yuv420p[v]"
	}
	return []performance{
		{
			"Ana", "Ruiz", "Bogotá", "Colombia", "El primer vuelo", "Compuse esta canción mirando los cerros.",
			"0 4 7 9 7 4 2 .", 262, 3, plucked,
			lit("c0=#26104f:c1=#8a1c7c:seed=1", "showwaves=s=640x360:r=30:mode=cline:colors=#ffd45e:scale=sqrt"),
		},
		{
			"Mateo", "Quintero", "Medellín", "Colombia", "Cumbia de medianoche", "Con la banda de mi barrio.",
			"0 . 0 7 . 5 4 2", 196, 5, reed,
			lit("c0=#7a1f0a:c1=#f7a427:seed=2", "showcqt=s=320x180:r=30:axis=0:sono_g=2,scale=640:360"),
		},
		{
			"Ximena", "Torres", "Guadalajara", "México", "Cien toques sin parar", "Llevo dos años practicando.",
			"0 2 4 5 7 5 4 2", 330, 6, bell,
			"life=s=320x180:r=30:mold=10:life_color=#ffd45e:death_color=#5a1763:mold_color=#26104f:ratio=0.2:seed=7," +
				"scale=640:360:flags=neighbor[v]",
		},
		{
			"Diego", "Ramírez", "Monterrey", "México", "Canción para mi abuela", "Ella me enseñó a tocar.",
			"0 4 7 12 11 7 4 .", 220, 2, organ,
			"sierpinski=s=640x360:r=30:type=carpet:seed=4:jump=40,hue=s=1.5,eq=brightness=0.1[v]",
		},
		{
			"Luz", "Herrera", "Cali", "Colombia", "Salsa en la terraza", "Grabado en la casa de mi tía.",
			"0 7 . 4 7 . 9 7", 247, 7, plucked,
			lit("c0=#5c0f1f:c1=#e2553d:type=radial:seed=4",
				"showwaves=s=640x360:r=30:mode=line:n=60:colors=#ffd45e:scale=cbrt"),
		},
		{
			"Emiliano", "Castro", "Ciudad de México", "México", "Espejo infinito", "Baile con luces.",
			"0 3 7 10 12 10 7 3", 175, 4, flute,
			"mandelbrot=s=320x180:r=30:maxiter=300:start_scale=1.2:end_scale=0.02:end_pts=300,scale=640:360[v]",
		},
		{
			"Valentina", "Peña", "Barranquilla", "Colombia", "Marea", "Voz y tambor frente al mar.",
			"0 . 5 . 7 5 4 .", 294, 3, flute,
			"gradients=s=160x90:r=30:c0=#0a0524:c1=#1b8a8f:c2=#ffd45e:n=3:speed=0.03:seed=3:type=spiral," +
				"scale=640:360[v]",
		},
		{
			"Santiago", "Mora", "Pasto", "Colombia", "Son de la montaña", "Con el charango de mi papá.",
			"0 2 3 7 8 7 3 2", 262, 5, plucked,
			lit("c0=#0c3b2e:c1=#6bbf59:seed=6", "showwaves=s=640x360:r=30:mode=point:n=20:colors=white:scale=cbrt"),
		},
		{
			"Renata", "Vargas", "Puebla", "México", "Rap de la esquina", "Letra mía, ritmo de todos.",
			"0 0 . 0 3 . 0 5", 110, 6, reed,
			"cellauto=s=320x180:r=30:rule=110:seed=5:ratio=0.3,scale=640:360:flags=neighbor,format=yuv420p," +
				"lutyuv=u=170:v=90[v]",
		},
		{
			"Tomás", "Suárez", "Bucaramanga", "Colombia", "Vals de la lluvia", "Primer premio en mi colegio.",
			"0 7 7 2 9 9 4 7", 349, 3, bell,
			lit("c0=#0a0524:c1=#3566d6:type=circular:seed=8",
				"showwaves=s=640x360:r=30:mode=p2p:n=40:colors=white:scale=sqrt"),
		},
		{
			"Camila", "Ibáñez", "Mérida", "México", "Bolero azul", "Lo canto en vertical, desde mi cuarto.",
			"0 4 5 7 9 7 5 4", 233, 2, organ,
			"gradients=s=90x160:r=30:c0=#26104f:c1=#3566d6:c2=#f7a427:n=3:speed=0.02:seed=9:type=circular," +
				"scale=360:640[v]",
		},
		{
			"Julián", "Ortiz", "Cartagena", "Colombia", "Tablero", "Malabares con números.",
			"0 12 7 12 0 12 5 12", 165, 8, bell, "testsrc2=s=640x360:r=30,hue=h=60*t[v]",
		},
	}
}

// sound returns the source that plays the melody.
func (p performance) sound() string {
	steps := strings.Fields(p.melody)
	rate := strconv.FormatFloat(p.beats, 'f', -1, 64)
	frequency := "0"
	for i, step := range steps {
		if n, err := strconv.Atoi(step); err == nil { // otherwise it is a rest
			frequency = fmt.Sprintf("if(eq(ld(1),%d),%.3f,%s)", i, p.root*math.Pow(2, float64(n)/12), frequency)
		}
	}
	return fmt.Sprintf("aevalsrc='st(1,mod(floor(t*%s),%d));st(0,%s);0.5*gt(ld(0),0)*(%s)':s=24000:d=%d,"+
		"aformat=channel_layouts=stereo", rate, len(steps), frequency,
		strings.NewReplacer("F", "ld(0)", "B", rate).Replace(p.timbre), performanceSeconds)
}

// record makes the clip in a folder.
func (p performance) record(ctx context.Context, folder string, i int) (string, error) {
	path := filepath.Join(folder, fmt.Sprintf("%d.mp4", i))
	graph := p.sound() + "[s];[s]asplit[a][o];" + p.picture
	if !strings.Contains(p.picture, "[a]") {
		graph = p.sound() + "[o];" + p.picture
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-y", //nolint:gosec // fixed
		"-filter_complex_threads", "1", "-filter_complex", graph, "-threads", "1",
		"-map", "[v]", "-map", "[o]", "-t", strconv.Itoa(performanceSeconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", path).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("record %q: %w: %s", p.title, err, out)
	}
	return path, nil
}
