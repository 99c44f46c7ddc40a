module enginebench

go 1.19
