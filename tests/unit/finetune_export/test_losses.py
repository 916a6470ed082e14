"""Losses by step, from the tables that a provider leaves."""

import itertools

from services.finetune_export.models.training import Loss
from services.finetune_export.services.training.losses import losses_of

HEAD = "step_number,epoch_number,training_loss,perplexity\n"


def test_training_and_validation_come_together_by_step() -> None:
    trained = f"{HEAD}0,0,2.5,12\n1,0,2.0,7\n2,0,1.5,4\n".encode()
    validated = b"step_number,epoch_number,validation_loss,perplexity\n2,0,1.75,5\n"
    assert losses_of(trained, validated) == [
        Loss(step=0, training=2.5),
        Loss(step=1, training=2.0),
        Loss(step=2, training=1.5, validation=1.75),
    ]


def test_a_line_that_cannot_be_read_is_left_out() -> None:
    broken = (
        *("", "x,0,1,1", "3,0", "4,0,,1", "5,0,nan,1", "6,0,inf,1", "-1,0,1,1"),
        *("\x00,\x00", '"7,0,1,1', "99999999999999999999,0,1,1", "é,é,é,é"),
    )
    table = (HEAD + "\n".join((*broken, "8,0,1.25,3"))).encode("latin-1")
    assert losses_of(table, b"") == [Loss(step=8, training=1.25)]


def test_no_table_and_one_of_another_form_have_no_losses() -> None:
    for table in (b"", b"\n", b"step_number\n1\n", b"training_loss\n1\n", b"\xff\xfe", b"{}"):
        assert losses_of(table, table) == []


def test_a_long_table_becomes_at_most_200_points_from_its_first_to_its_last_step() -> None:
    lines = "".join(f"{n},0,{3 - n / 20_000},1\n" for n in range(40_000))
    column = HEAD.replace("training", "validation") + lines
    found = losses_of((HEAD + lines).encode(), column.encode())
    assert 150 <= len(found) <= 200
    trained = [one.step for one in found if one.training is not None]
    assert (len(trained), trained[0], trained[-1]) == (150, 0, 39_999)
    gaps = {after - before for before, after in itertools.pairwise(trained)}
    assert max(gaps) - min(gaps) <= 1
    assert len([one for one in found if one.validation is not None]) == 50
