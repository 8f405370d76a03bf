"""Start TensorFlow the same way everywhere: quiet, with a fixed number of threads."""

from __future__ import annotations

import os
from typing import Any

from l1ad.qkeras.generated import keep_generated_sources_together

#: Threads of one operation. Fixed, because a matrix product's rounding depends on how it is shared out.
THREADS = 2


def tensorflow() -> Any:
    """Import TensorFlow, quiet and with fixed thread counts where it has not been started by somebody else.

    Returns:
        The module.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    keep_generated_sources_together()
    tf.get_logger().setLevel("ERROR")  # every network is compiled for itself: warnings of that being slow say nothing here
    try:
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass  # already started: its threads are what they are
    return tf
