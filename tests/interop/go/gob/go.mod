module goldengob

go 1.24
