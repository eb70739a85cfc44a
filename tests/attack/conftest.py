"""What attacks borrow from other tests."""

from tests.mail.conftest import readers
from tests.media.conftest import s3_options

__all__ = ["readers", "s3_options"]
