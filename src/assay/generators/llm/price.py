"""What answers cost at the public list prices of a provider, where those are known; an estimate, not a bill."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

PRICED_ON = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""The day and hour whose list prices count: some change with the hour, and the same answers are to cost the same."""


def dollars(marks: Mapping[str, str], tokens_in: int, tokens_out: int) -> float | None:
    """US dollars for so many tokens of the model that ``marks`` (``Asked.marks``) names; None where the package
    genai-prices knows no price: of a server of one's own, of a model in this process, of a model it never heard of."""
    base_url, model = marks.get("base_url"), marks.get("model")
    if base_url is None or model is None:
        return None
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(
            Usage(input_tokens=tokens_in, output_tokens=tokens_out),
            model,
            provider_api_url=base_url,
            genai_request_timestamp=PRICED_ON,
        )
    except LookupError:
        return None
    # The package looks at how an address begins; api.openai.com.example.org is somebody else.
    known = re.match(found.provider.api_pattern, base_url)
    whole = known is not None and base_url[known.end() :][:1] in ("", "/", ":")
    return float(found.total_price) if whole else None


def priced(cost: float | None) -> str:
    """``, about $0.0012 at list prices``, to stand after tokens; nothing where there is no price."""
    if cost is None:
        return ""
    if cost < 0.0001:
        return ", less than $0.0001 at list prices"
    return f", about ${cost:,.2f} at list prices" if cost >= 1 else f", about ${cost:.4f} at list prices"
