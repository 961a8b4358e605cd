import static io.trino.testing.TestingSession.testSessionBuilder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.trino.plugin.iceberg.IcebergPlugin;
import io.trino.testing.DistributedQueryRunner;
import io.trino.testing.MaterializedRow;
import java.io.File;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads the states of tables with Trino; prints, by state, all rows and the number of rows that each predicate finds.
 * usage: ReadTables.java CATALOG_FILE JOBS_FILE ANSWER_FILE; jobs: [{name, predicates}], the state's table is states.&lt;name&gt; in the catalogue file
 */
public class ReadTables
{
    static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception
    {
        var session = testSessionBuilder().setCatalog("iceberg").setSchema("states").build();
        try (DistributedQueryRunner runner = DistributedQueryRunner.builder(session)
                .setNodeCount(1)
                .addExtraProperty("node-scheduler.include-coordinator", "true")
                .addExtraProperty("query.max-stage-count", "500")
                .build()) {
            runner.installPlugin(new IcebergPlugin());
            runner.createCatalog("iceberg", "iceberg", Map.of(
                    "iceberg.catalog.type", "jdbc",
                    "iceberg.jdbc-catalog.connection-url", "jdbc:sqlite:" + args[0],
                    "iceberg.jdbc-catalog.catalog-name", "headgate",
                    "iceberg.jdbc-catalog.default-warehouse-dir", "/tmp"));
            ObjectNode answer = JSON.createObjectNode();
            for (JsonNode job : JSON.readTree(new File(args[1]))) {
                String name = job.get("name").asText();
                ObjectNode state = answer.putObject(name);
                try {
                    ArrayNode rows = state.putArray("rows");
                    for (MaterializedRow row : runner.execute("SELECT * FROM " + name)) {
                        addRow(rows.addArray(), row.getFields());
                    }
                    ObjectNode counts = state.putObject("counts");
                    var selects = new ArrayList<String>();
                    for (JsonNode predicate : job.get("predicates")) {
                        selects.add("SELECT " + selects.size() + ", count(*) FROM " + name + " WHERE " + typed(predicate.asText()));
                    }
                    for (MaterializedRow row : runner.execute(String.join(" UNION ALL ", selects))) {
                        counts.put(job.get("predicates").get((int) row.getField(0)).asText(), (long) row.getField(1));
                    }
                }
                catch (RuntimeException e) {
                    state.put("error", String.valueOf(e.getMessage()));
                }
            }
            JSON.writeValue(new File(args[2]), answer);
        }
        System.exit(0);
    }

    /** Trino compares no text with dates and times: the literals get their types. */
    static String typed(String predicate)
    {
        return predicate
                .replaceAll("'(\\d{4}-\\d\\d-\\d\\d)'", "DATE '$1'")
                .replaceAll("'(\\d{4}-\\d\\d-\\d\\d)T([0-9:.]+)'", "TIMESTAMP '$1 $2'");
    }

    /** Numbers of floating types as numbers, all else as the text that Python's str gives. */
    static void addRow(ArrayNode row, List<Object> values)
    {
        for (Object value : values) {
            if (value == null) row.addNull();
            else if (value instanceof Double number && !number.isNaN()) row.add(number);
            else if (value instanceof Float number && !number.isNaN()) row.add(number.doubleValue());
            else if (value instanceof Number number && number.toString().equals("NaN")) row.add("nan");
            else if (value instanceof Boolean flag) row.add(flag ? "True" : "False");
            else if (value instanceof LocalDateTime time) row.add(time.format(DateTimeFormatter.ofPattern(time.getNano() == 0 ? "yyyy-MM-dd HH:mm:ss" : "yyyy-MM-dd HH:mm:ss.SSSSSS")));
            else row.add(value.toString());
        }
    }
}
