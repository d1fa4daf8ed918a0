"""How descriptors are shared out."""

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.descriptors import CONNECTIONS, OF_PROCESS, OWN, share_out


@given(st.integers(0, 1 << 40))
def test_all_shares_fit_into_the_limit(limit):
    """Whatever the limit is, what may be begun fits, and the control protocol is never left without any."""
    shares = share_out(limit)

    taken = OWN + shares.processes * OF_PROCESS + shares.connections + shares.readers
    assert taken <= max(limit, OWN + 2 * shares.connections)
    assert 0 <= shares.connections <= CONNECTIONS
    assert shares.connections >= 10 or limit < 64


def test_common_limits():
    """The default of a login, of a service, and none."""
    assert share_out(1024)[1:] == (108, 170, 170)
    assert share_out(524_288)[1:] == (87_290, 256, 256)
    assert share_out(-1).processes > 100_000
