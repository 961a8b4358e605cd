import static io.trino.testing.TestingSession.testSessionBuilder;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.trino.plugin.iceberg.IcebergPlugin;
import io.trino.testing.DistributedQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.MaterializedRow;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.concurrent.Executors;

/**
 * Stands behind the emulator's Athena: Trino over its Glue and S3. usage: QueryServer.java ENDPOINT. Prints `listening &lt;port&gt;`; a statement is
 * the body of a POST, the answer {columns: [[name, type]], rows: [[text or null]], bytes}; what Trino refuses is 400 with its message.
 */
public class QueryServer
{
    static final ObjectMapper JSON = new ObjectMapper();
    static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS");

    public static void main(String[] args) throws Exception
    {
        var session = testSessionBuilder().setCatalog("awsdatacatalog").setSchema("default").build();
        var runner = DistributedQueryRunner.builder(session)
                .setNodeCount(1)
                .addExtraProperty("node-scheduler.include-coordinator", "true")
                .build();
        runner.installPlugin(new IcebergPlugin());
        runner.createCatalog("awsdatacatalog", "iceberg", Map.ofEntries(
                Map.entry("iceberg.catalog.type", "glue"),
                Map.entry("hive.metastore.glue.region", "eu-west-1"),
                Map.entry("hive.metastore.glue.endpoint-url", args[0]),
                Map.entry("hive.metastore.glue.aws-access-key", "test"),
                Map.entry("hive.metastore.glue.aws-secret-key", "test"),
                Map.entry("hive.s3.endpoint", args[0]),
                Map.entry("hive.s3.path-style-access", "true"),
                Map.entry("hive.s3.aws-access-key", "test"),
                Map.entry("hive.s3.aws-secret-key", "test"),
                Map.entry("hive.s3.region", "eu-west-1"),
                Map.entry("hive.s3.max-error-retries", "1"),
                Map.entry("hive.s3.ssl.enabled", "false")));
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/", exchange -> answer(runner, exchange));
        server.start();
        System.out.println("listening " + server.getAddress().getPort());
        System.out.flush();
        // Who started this holds the other end: its end is ours.
        while (System.in.read() >= 0) {}
        System.exit(0);
    }

    static void answer(DistributedQueryRunner runner, HttpExchange exchange) throws IOException
    {
        int status = 200;
        byte[] body;
        try {
            body = JSON.writeValueAsBytes(result(runner.execute(new String(exchange.getRequestBody().readAllBytes(), "UTF-8"))));
        }
        catch (RuntimeException e) {
            status = 400;
            body = String.valueOf(e.getMessage()).getBytes("UTF-8");
        }
        exchange.sendResponseHeaders(status, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    static ObjectNode result(MaterializedResult given)
    {
        ObjectNode answer = JSON.createObjectNode();
        ArrayNode columns = answer.putArray("columns");
        boolean rowsWanted = given.getUpdateType().isEmpty();
        if (rowsWanted) {
            for (int i = 0; i < given.getTypes().size(); i++) {
                columns.addArray().add(given.getColumnNames().get(i)).add(given.getTypes().get(i).getDisplayName());
            }
        }
        ArrayNode rows = answer.putArray("rows");
        for (MaterializedRow row : rowsWanted ? given.getMaterializedRows() : java.util.List.<MaterializedRow>of()) {
            ArrayNode texts = rows.addArray();
            for (Object value : row.getFields()) texts.add(text(value));
        }
        answer.put("bytes", 0);
        return answer;
    }

    /** As Athena writes values. */
    static String text(Object value)
    {
        if (value == null) return null;
        if (value instanceof BigDecimal number) return number.toPlainString();
        if (value instanceof LocalDateTime time) return time.format(TIME);
        return value.toString();
    }
}
