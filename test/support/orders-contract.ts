/** A contract of `shop/orders`: CSV files of a business date, appended. `columns`: properties in YAML, at the indentation of a list in `properties`. */
export const ordersContract = (id: string, columns: string): string => `
kind: DataContract
apiVersion: v3.1.0
id: ${id}
version: 1.0.0
status: active
domain: shop
schema:
  - name: orders
    customProperties:
      - property: ingestion
        value: { landing: 'orders/{businessDate:yyyy-MM-dd}.csv', format: csv, writeMode: append }
    properties:
${columns}
`;
