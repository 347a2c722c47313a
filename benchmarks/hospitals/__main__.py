"""`python -m benchmarks.hospitals`."""

from benchmarks.hospitals.score import main

if __name__ == "__main__":
    main()
