"""A bucket of S3, or of anything that speaks its protocol, as a store. Credentials are in the AWS_* variables."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import S3Store

from backend.data.store.protocol import ObjectMissing, StoreError

TIMEOUT = timedelta(seconds=60)
CONNECT_TIMEOUT = timedelta(seconds=5)
RETRIES = 2
RETRY_TIMEOUT = timedelta(seconds=15)
DELETED_AT_ONCE = 500

Answer = TypeVar("Answer")


class BucketObjects:
    """Implements Objects: create-only puts are S3's conditional writes (`If-None-Match: *`)."""

    def __init__(self, url: str) -> None:
        """`url` is s3://BUCKET/PREFIX; AWS_ENDPOINT_URL names another service than Amazon's. Raises StoreError."""
        self._name = url
        self._prefix = urlsplit(url).path.strip("/")
        self._store = self._asked(
            lambda: S3Store(
                urlsplit(url).netloc,
                config={},
                client_options={"timeout": TIMEOUT, "connect_timeout": CONNECT_TIMEOUT, "allow_http": True},
                retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
            )
        )

    def create(self, key: str, content: bytes) -> bool:
        """As Objects says."""

        def put() -> bool:
            try:
                obstore.put(self._store, self._full(key), content, mode="create", use_multipart=False)
                return True
            except AlreadyExistsError:
                return False

        return self._asked(put)

    def read(self, key: str) -> bytes:
        """As Objects says."""
        return self._asked(lambda: bytes(obstore.get(self._store, self._full(key)).bytes()), key)

    def keys(self, prefix: str) -> Iterator[str]:
        """As Objects says."""
        pages = self._asked(lambda: list(obstore.list(self._store, self._full(prefix), chunk_size=1000)))
        for page in pages:
            for found in page:
                yield found["path"].removeprefix(self._prefix).removeprefix("/")

    def delete(self, keys: Iterable[str]) -> None:
        """As Objects says."""
        full = [self._full(key) for key in keys]
        for start in range(0, len(full), DELETED_AT_ONCE):
            some = full[start : start + DELETED_AT_ONCE]
            self._asked(lambda some=some: obstore.delete(self._store, some))  # type: ignore[misc]  # a bound default

    def _full(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _asked(self, ask: Callable[[], Answer], key: str = "") -> Answer:
        try:
            return ask()
        except (NotFoundError, FileNotFoundError):
            raise ObjectMissing(f"the store {self._name} has no object {key or self._prefix}") from None
        except (BaseError, OSError, ValueError) as error:
            raise StoreError(f"the store {self._name} cannot be used: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
