import pytest

from adapters.net.addresses import is_public, literal


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe",
        "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "2620:4f:8000::1", "5f00::1", "fc00::1",
        "fd12:3456::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1",
        "localhost", "example.com", "", "1.2.3", "0x7f.1",
    ],
)  # fmt: skip
def test_private_special_and_misspelt_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "9.255.255.255", "172.32.0.1", "198.20.0.1", "223.255.255.1", "::ffff:8.8.8.8", "2606:4700::1111"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("spelling", ["127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1"])
def test_every_spelling_of_an_address_is_recognised(spelling: str) -> None:
    assert literal(spelling) == "127.0.0.1"


@pytest.mark.parametrize("name", ["example.com", "localhost", "1.example", "①②⑦.0.0.1", ""])
def test_names_are_no_addresses(name: str) -> None:
    assert literal(name) is None
