"""The benchmarks and their report. They are not installed with the package."""
