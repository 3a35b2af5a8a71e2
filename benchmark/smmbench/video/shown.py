"""Which packets of a file must produce a displayed picture, as in a player."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


def is_hidden(codec: str, head: bytes) -> bool:
    """Whether a packet is a reference picture that no player shows (an "alt-ref" packet).

    Args:
        codec: FFmpeg's name of the codec; only VP8 and VP9 have such packets.
        head: The packet's first two bytes.

    Source: RFC 6386, 9.1, for VP8 (bit 4 of the frame tag is `show_frame`); the VP9 bitstream
    specification, 7.2, for VP9.
    """
    if not head:
        return False
    if codec == "vp8":
        return not head[0] & 0x10
    if codec == "vp9":
        bits = f"{int.from_bytes(head[:2].ljust(2, bytes(1))):016b}"
        at = 5 if bits[2:4] == "11" else 4  # profile 3 has a reserved bit
        return bits[:2] == "10" and bits[at] == "0" and bits[at + 2] == "0"
    return False


@dataclass
class Owed:
    """The packets of a stream that must each produce a picture, in decoding order.

    A file that was cut from a longer one without encoding (`ffmpeg -ss 5 -c copy`) may begin
    with an open group of pictures: the *leading* pictures follow the first key picture in the
    file, come before it in time, and refer to pictures that were cut away. No player shows them.
    """

    codec: str
    start: int | None = None  # display time of the first packet, in ticks
    leading: bool = False  # whether the next packet may be a leading one
    times: list[int | None] = field(default_factory=list)

    def add(self, head: bytes, time: int | None, discarded: bool) -> None:
        """Count one packet.

        Args:
            head: The packet's first two bytes.
            time: Display time of its picture, in ticks; None if the file does not state it.
            discarded: Whether the container marks it as not displayed (an edit list).
        """
        first = self.start is None and not self.times
        if first and time is not None:
            self.start, self.leading = time, True
        elif self.leading:
            self.leading = time is None or self.start is None or time < self.start
            if self.leading:
                return
        if not (discarded or is_hidden(self.codec, head)):
            self.times.append(time)

    def lost(self, shown: Sequence[int | None], whole: bool) -> int:
        """Count the pictures that should have been displayed but were not.

        Args:
            shown: Display time of each decoded picture, in ticks.
            whole: Whether the file was decoded to its end; otherwise only packets up to the last
                picture count.
        """
        start = self.start
        if start is not None:
            shown = [time for time in shown if time is not None and time >= start]
        if whole:
            return len(self.times) - len(shown)
        known = [time for time in shown if time is not None]
        if not known or None in self.times:
            return 0  # the file does not state which packets come before the end
        return sum(time <= known[-1] for time in self.times if time is not None) - len(known)
