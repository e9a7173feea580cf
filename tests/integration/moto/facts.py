"""Facts of services that moto lacks, by account, region and kind."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wire import Call, Params

# In the user agent of calls that fill an account.
SEEDING = "backup-check-seeding"


class Facts:
    def __init__(self) -> None:
        self.items: defaultdict[tuple[str, str, str], list[Params]] = defaultdict(list)

    def add(self, given: list[Params]) -> None:
        for fact in given:
            self.items[fact["account"], fact["region"], fact["kind"]] += fact["items"]

    def of(self, call: Call, kind: str) -> list[Params]:
        return self.items[call.account, call.region, kind]

    def of_account(self, call: Call, kind: str) -> list[Params]:
        """Facts that hold in every region."""
        return self.items[call.account, "", kind]
