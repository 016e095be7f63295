module kvhost

go 1.24
