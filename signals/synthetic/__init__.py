"""Synthetic 12-lead ECGs, for examples and for streams of patients who do not exist.

A case (`catalogue.py`) has a rhythm, which says when which beat comes (`rhythms.py`), and the
waves of each beat as pulses of the heart vector (`waves.py`, `beats.py`); fibrillation and flutter
are waves without beats (`continuous.py`). The heart of a person lies in the chest in its own way
(`position.py`), the torso turns its vector into leads (`torso.py`), the electrodes add noise
(`disturbance.py`), and `generator.py` joins them.

The heart vector as a sum of pulses follows Sameni et al. 2007 (doi:10.1155/2007/43407), who
extended the one-lead model of McSharry et al. 2003 (doi:10.1109/TBME.2003.808805) to three axes.
Theirs are Gaussians. The pulses here are finite, so that the onset and the offset of a wave are
known.
"""
