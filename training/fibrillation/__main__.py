"""`python -m training.fibrillation`."""

from training.fibrillation.train import main

if __name__ == "__main__":
    main()
