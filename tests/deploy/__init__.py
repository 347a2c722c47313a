"""What deploy/ and the Dockerfiles hold: rules that they keep, and a replay of their steps."""
