export interface Channel<Item> extends AsyncIterable<Item> {
  /** Settles once the reader has taken the item. */
  send(item: Item): Promise<void>;
  end(): void;
}

/** Hands items from one loop to another, one at a time: the faster side waits. */
export function channel<Item>(): Channel<Item> {
  let waiting: ((result: IteratorResult<Item>) => void) | undefined;
  let offered: { readonly item: Item; readonly taken: () => void } | undefined;
  let ended = false;
  const done: IteratorResult<Item> = { done: true, value: undefined };
  return {
    send: (item) =>
      new Promise((taken) => {
        if (waiting === undefined) offered = { item, taken };
        else {
          waiting({ done: false, value: item });
          waiting = undefined;
          taken();
        }
      }),
    end() {
      ended = true;
      waiting?.(done);
    },
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise<IteratorResult<Item>>((resolve) => {
          if (offered !== undefined) {
            const { item, taken } = offered;
            offered = undefined;
            taken();
            resolve({ done: false, value: item });
          } else if (ended) resolve(done);
          else waiting = resolve;
        }),
    }),
  };
}
