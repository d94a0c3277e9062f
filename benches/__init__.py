"""How fast devicemap is: the benchmarks, their report and the demo. Nothing here is installed with the package."""
