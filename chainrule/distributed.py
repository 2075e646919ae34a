"""Training in several processes, under PyTorch's name: there is none, and programs can ask."""

from chainrule.absent import family, unusable


def is_available() -> bool:
    """Whether there is training in several processes: no."""
    return False


def is_initialized() -> bool:
    """Whether this process belongs to a group: no."""
    return False


(
    init_process_group,
    destroy_process_group,
    all_reduce,
    all_gather,
    broadcast,
    barrier,
    get_rank,
    get_world_size,
) = unusable(
    "distributed",
    "distributed.init_process_group",
    "distributed.destroy_process_group",
    "distributed.all_reduce",
    "distributed.all_gather",
    "distributed.broadcast",
    "distributed.barrier",
    "distributed.get_rank",
    "distributed.get_world_size",
)
__getattr__ = family("distributed", "distributed")
