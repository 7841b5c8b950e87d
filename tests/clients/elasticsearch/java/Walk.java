// One walk through the API with the official Java client. Prints what it saw as one JSON document. usage: Walk URL INDEX
import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch._types.ElasticsearchException;
import co.elastic.clients.elasticsearch._types.Refresh;
import co.elastic.clients.elasticsearch._types.SortOrder;
import co.elastic.clients.elasticsearch._types.aggregations.CalendarInterval;
import co.elastic.clients.elasticsearch.core.BulkRequest;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Walk {
    public static void main(String[] args) throws Exception {
        String url = args[0], index = args[1];
        Map<String, Object> seen = new LinkedHashMap<>();
        try (ElasticsearchClient client = ElasticsearchClient.of(b -> b.host(url))) {
            client.indices().create(c -> c.index(index)
                    .settings(s -> s.numberOfReplicas("0"))
                    .mappings(m -> m.properties("symbol", p -> p.keyword(k -> k))
                            .properties("price", p -> p.double_(d -> d))
                            .properties("at", p -> p.date(d -> d))));

            BulkRequest.Builder bulk = new BulkRequest.Builder().refresh(Refresh.True);
            for (int n = 0; n < 90; n++) {
                Map<String, Object> document = Map.of("symbol", "" + (char) ('A' + n % 3), "price", n + 0.5,
                        "at", "2024-01-0" + (1 + n / 30) + "T05:00:00Z");
                String id = "" + n;
                bulk.operations(o -> o.index(i -> i.index(index).id(id).document(document)));
            }
            seen.put("errors", client.bulk(bulk.build()).errors());
            seen.put("count", client.count(c -> c.index(index)).count());
            seen.put("price", client.get(g -> g.index(index).id("7"), Map.class).source().get("price"));

            var found = client.search(s -> s.index(index).size(1)
                    .query(q -> q.range(r -> r.number(n -> n.field("price").lt(50.0))))
                    .sort(o -> o.field(f -> f.field("price").order(SortOrder.Desc)))
                    .aggregations("days", a -> a.dateHistogram(d -> d.field("at").calendarInterval(CalendarInterval.Day))
                            .aggregations("mean", m -> m.avg(v -> v.field("price"))))
                    .aggregations("symbols", a -> a.terms(t -> t.field("symbol")))
                    .aggregations("spread", a -> a.percentiles(p -> p.field("price")))
                    .aggregations("distinct", a -> a.cardinality(c -> c.field("symbol"))), Map.class);
            seen.put("total", found.hits().total().value());
            seen.put("top", found.hits().hits().get(0).source().get("price"));
            List<Object> days = new ArrayList<>();
            for (var bucket : found.aggregations().get("days").dateHistogram().buckets().array()) {
                days.add(List.of(bucket.key(), bucket.docCount(), bucket.aggregations().get("mean").avg().value()));
            }
            seen.put("days", days);
            List<Object> symbols = new ArrayList<>();
            for (var bucket : found.aggregations().get("symbols").sterms().buckets().array()) {
                symbols.add(List.of(bucket.key().stringValue(), bucket.docCount()));
            }
            seen.put("symbols", symbols);
            seen.put("median", found.aggregations().get("spread").tdigestPercentiles().values().keyed().get("50.0"));
            seen.put("distinct", found.aggregations().get("distinct").cardinality().value());

            try {
                client.get(g -> g.index("absent-" + index).id("1"), Map.class);
            } catch (ElasticsearchException error) {
                seen.put("absent", List.of(error.status(), error.error().type()));
            }
            seen.put("deleted", client.indices().delete(d -> d.index(index)).acknowledged());
        }
        System.out.println(new ObjectMapper().writeValueAsString(seen));
    }
}
