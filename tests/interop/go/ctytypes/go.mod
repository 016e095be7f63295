module ctytypes

go 1.24

require github.com/zclconf/go-cty v1.8.2

require golang.org/x/text v0.3.5 // indirect
