"""Embeddings of many recordings without HTTP.

`python -m bulk` uses the devices of one machine, `python -m bulk.ray` those of several.

command     the command line
recordings  which recordings the input holds
readers     processes that read recordings and cut them into segments
engine      the encoder threads of this machine
outcomes    what happens to one recording
job         one run: from the input to the table
ray/        the same job on a Ray cluster
"""
