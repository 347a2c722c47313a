"""`python -m training.quality`."""

from training.quality.train import main

if __name__ == "__main__":
    main()
