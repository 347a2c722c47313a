"""`python -m training.onelead`."""

from training.onelead.train import main

if __name__ == "__main__":
    main()
