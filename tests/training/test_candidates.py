from l1ad.training.recipe import best_candidates


def test_both_ranks_count_and_the_loss_decides_between_equals():
    # First seed: loss ranks 0 1 2, acceptance ranks 2 0 1; second seed: all sums are equal.
    assert best_candidates([1.0, 2.0, 3.0, 9.0, 8.0, 7.0], [0.1, 0.3, 0.2, 0.5, 0.4, 0.3], 3) == [1, 5]


def test_one_candidate_is_the_one():
    assert best_candidates([3.0, 1.0], [0.0, 0.0], 1) == [0, 1]
