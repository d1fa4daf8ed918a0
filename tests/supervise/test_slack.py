"""What is not used is given back."""

from runjd.supervise.slack import EVERY, START, Slack


def test_it_is_given_back_now_and_then():
    """At each so many beats, again and again; what only the start needed at its beats, and nothing at those between."""
    beats, times, starts = [], [], []
    slack = Slack(lambda: times.append(len(beats)), lambda: starts.append(len(beats)))

    for _ in range(2 * EVERY + 2):
        slack.beat()
        beats.append(None)

    assert times == [EVERY - 1, 2 * EVERY - 1]
    assert starts == list(range(START))
