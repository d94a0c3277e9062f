"""Read models: from the files of a checkpoint to a ``Model`` with its parts."""
