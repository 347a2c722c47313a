"""Command line: `python -m training.delineator`."""

from training.delineator.train import main

if __name__ == "__main__":
    main()
