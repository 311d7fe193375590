"""FINN's own unit that a build uses, with our facts about it."""

from __future__ import annotations

from finn.custom_op.fpgadataflow.rtl import register_custom_op, streamingdatawidthconverter_rtl

from bitpan.hw.operators.facts import Facts


@register_custom_op
class StreamingDataWidthConverter_rtl(Facts, streamingdatawidthconverter_rtl.StreamingDataWidthConverter_rtl):  # type: ignore[misc]  # noqa: N801
    """Narrow beats to wide ones or wide to narrow, in any ratio."""

    relays = True
