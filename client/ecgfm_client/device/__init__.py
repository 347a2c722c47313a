"""The client of the station: a device that loses no record, and replays of files as if from one."""
