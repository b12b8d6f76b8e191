// Renders the templates of a chart as Helm does, but with no function beyond those of Go's
// text/template and of sprig. Usage: render TEMPLATE <VALUES, where VALUES is JSON with the keys
// Values and Chart.
package main

import (
	"encoding/json"
	"os"
	"text/template"

	"github.com/Masterminds/sprig"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	var values map[string]interface{}
	if err == nil {
		err = json.NewDecoder(os.Stdin).Decode(&values)
	}
	var parsed *template.Template
	if err == nil {
		parsed, err = template.New("chart").Option("missingkey=error").Funcs(sprig.TxtFuncMap()).Parse(string(text))
	}
	if err == nil {
		err = parsed.Execute(os.Stdout, values)
	}
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}
