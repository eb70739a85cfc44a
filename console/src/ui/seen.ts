import type { Attachment } from "svelte/attachments";

// one observer for all: a wall of agents has hundreds of clocks, of which a dozen is seen
const tell = new WeakMap<Element, (seen: boolean) => void>();
let observer: IntersectionObserver | undefined;

/** Tells whether an element stands where somebody can see it, or nearly. */
export function whenSeen(told: (seen: boolean) => void): Attachment<Element> {
  return (element) => {
    observer ??= new IntersectionObserver((entries) => {
      for (const entry of entries) tell.get(entry.target)?.(entry.isIntersecting);
    }, { rootMargin: "25%" });
    const watching = observer;
    tell.set(element, told);
    watching.observe(element);
    return () => watching.unobserve(element);
  };
}
