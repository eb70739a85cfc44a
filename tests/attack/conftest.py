"""What attacks borrow from other tests."""

from tests.media.conftest import s3_options

__all__ = ["s3_options"]
