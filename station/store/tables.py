"""What all tables share: the metadata with its naming rule, and the type of long numbers.

Times are integers: milliseconds since 1970 in UTC. SQLite would drop a time zone.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sqlalchemy import BigInteger, Integer, MetaData, Row

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A row of a query of many columns, which are read by their names.
AnyRow: TypeAlias = Row[*tuple[Any, ...]]

# SQLite numbers rows by itself only where the primary key is declared INTEGER, which has 64 bits.
LONG: Final = BigInteger().with_variant(Integer, "sqlite")
